"""A guestbook of notes: the sample application of this stack. Reads go to a replica, writes to the primary."""
