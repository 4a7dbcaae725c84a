"""What definitions cost: fields, features and memory, beside the shipped ones and beside another checkout."""
