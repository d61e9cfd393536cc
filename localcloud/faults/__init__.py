"""Faults on purpose: seeded, counted and repeatable, because contract 3 is proven with them.

`plan` says which calls of AWS services fail and how, `injector` decides it call by call for the
gateway; `records` and `poison` spoil a stream of events before it is sent.
"""
