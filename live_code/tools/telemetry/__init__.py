"""What the machine does while a job runs: processors, memory, disks, network, GPUs; into tensorboard and the record."""
