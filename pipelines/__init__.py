"""What runs by command or by night: import, train, evaluate, publish."""
