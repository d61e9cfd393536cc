"""CloudWatch's metrics and alarms on this machine.

The functions' own metrics come out of their log lines (embedded metric format), those that AWS
would add are counted where the calls go by. All are kept here for an hour, in steps of five
seconds, for the alarms of the stack; and every few seconds they go to the emulator, summed up, so
that dashboards and `GetMetricData` see them. `monitor.Monitor` does that and evaluates the alarms.
"""
