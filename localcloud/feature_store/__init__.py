"""SageMaker Feature Store's runtime: records put, read, deleted and kept for training.

`store` holds the behaviour, `contract` checks requests against botocore's own model of the
service, `application` speaks its protocol.
"""
