"""Two clouds on one machine: emulators, stand-ins and runners. Never deployed."""
