"""What people and containers type: arguments and printing, a module for each group of commands; the error boundary."""
