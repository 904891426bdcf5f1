"""Many runs: sweep, bisect."""
