"""What people and containers type: arguments, printing, the error boundary; small commands (doctor, images) whole."""
