"""What the program can do itself about questions on a text: find facts that stand alone, open a question, check it."""
