"""Lambda functions on this machine: pools of workers under the real runtime client.

`pool.FunctionPool` is the room's door. Where the Lambda Runtime Interface Emulator and
awslambdaric are installed, a worker is a pair of them (`emulator`); elsewhere it is a plain Python
process (`plain`, `plain_child`). Either way nobody outlives the pool: `watchdog` and `orphans` see
to it even when this process is killed.
"""
