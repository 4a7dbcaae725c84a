"""What the machine that we run on offers: Java, a cache folder, a locale, proxies, a terminal."""
