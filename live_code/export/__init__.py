"""Records in the words of other tools: provenance statements, bills of materials, tensorboard's HPARAMS, MLflow."""
