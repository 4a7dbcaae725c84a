"""Java sources of the peers on the JVM, and the locks of their jars."""
