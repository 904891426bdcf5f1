"""What resolvers, installers and imports print when they fail → the sentence that a user can act upon."""
