"""How a client of Kafka proves who it is: passwords, tokens of an issuer, roles of AWS."""
