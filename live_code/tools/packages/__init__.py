"""What lock and environment stand on: requirements files, the framework's protection, resolvers, venvs, indexes."""
