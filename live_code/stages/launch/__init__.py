"""What is started and how: the files handed to the job, its argv, folder and variables."""
