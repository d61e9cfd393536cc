"""Lambda's control plane in memory, over HTTP, for whatever manages layers and functions.

moto's Lambda answers one page, keeps no RevisionId that a condition could be checked against, and
takes a layer version that does not exist; what decides whether a clean-up or a rollout is safe is
just that. So layers, versions, policies, functions, aliases and tags are kept here, in several
accounts and regions, and every answer is held against botocore's model. All other services of AWS
that a caller asks for (STS, SSM, S3, EC2) are moto's, in the same process.

Who calls is told from the access key: twelve digits are an account of that number, every other
key is of `DEFAULT_ACCOUNT`. Nothing runs here: functions are configurations only.
"""

DEFAULT_ACCOUNT = "123456789012"
