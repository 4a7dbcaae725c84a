"""What is checked of the topics, and the sending in order of event time."""
