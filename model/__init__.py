"""What runs behind the SageMaker endpoint: rows, training and packaging; and serving.

Serving (`serve`, `invocation`, `loading`, `scoring`, `contract`) is what the container holds: the
standard library, Starlette and uvicorn. Training is done in a checkout, by scripts/train.
"""
