"""Pictures: what is let in, and what can be done to them. Split, Spark and labelling use this one room."""
