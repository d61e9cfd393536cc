"""SageMaker endpoints on this machine: a model server's process for each variant.

A server keeps SageMaker's container contract: the unpacked model package in MODEL_DIR, GET /ping
answers 200 when it is ready, POST /invocations answers within 60 seconds. What stands before it
(`application`) is InvokeEndpoint as boto3 knows it, with the service's own errors; their texts are
those that users of the real service have reported.
"""
