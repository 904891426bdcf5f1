"""What runs inside the job's interpreter. This folder itself stands on the job's ``sys.path``."""
