"""One HTTP endpoint for all AWS traffic of the local cloud.

Clients get its URL as AWS_ENDPOINT_URL. It tells service and operation from the request
(`recognition`), injects the faults that a plan asks for, counts, and hands the request to an
application of ours or over a kept-alive connection to moto (`upstream`).
"""
