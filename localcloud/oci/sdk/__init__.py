"""What the installed SDK says of Oracle's services: operations, models, and what is allowed.

`dump.py` is run by the Python that has the SDK and prints it all as JSON; `catalogue` keeps that
until another SDK is installed, and `checking` holds requests and answers against it.
"""
