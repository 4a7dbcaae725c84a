"""What those who send to the topics do: how they key and place their messages."""
