"""Requirements in other forms than plain lines: of pip, of conda, of other tools' locks, of scripts and of tasks."""
