"""Records in the words of other tools: provenance statements, bills of materials, MLflow."""
