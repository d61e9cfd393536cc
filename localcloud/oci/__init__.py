"""Oracle Cloud on one machine: Streaming, Connector Hub, Functions and Notifications.

`cloud.running` is the door: streams and topics behind one address on loopback, which the real SDK
is pointed at, and a function under the real fdk that a connector feeds.
"""
