"""The terminal: arguments in, tables or JSON out. One file per noun; nothing here decides anything."""
