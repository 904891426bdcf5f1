"""The YMIR executor SDK as live repos import it: every published generation at once."""
