"""Definitions with a field of each type, at the top and inside other objects, required and optional."""

from fraud.definitions.loading import parse_definitions

EVERY_TYPE = parse_definitions("""
version: 1
fields:
  transaction_id: {type: id}
  card_id: {type: id, path: card.token}
  merchant_id: {type: id}
  amount: {type: money, currency: currency}
  currency: {type: currency}
  timestamp: {type: time}
  device_id: {type: id, path: device.fingerprint, optional: true}
  ip_country: {type: category, path: device.ip.country, max_length: 2, optional: true}
  entry_mode: {type: category, max_length: 8}
  balance: {type: money, currency: currency, at_least: -500, optional: true}
  discount: {type: money, currency: currency, optional: true}
  home_currency: {type: currency, optional: true}
  opened_at: {type: time, optional: true}
  age: {type: number, at_least: 0, at_most: 130, optional: true}
  rate: {type: fixed, scale: 4, at_least: -1, at_most: 1, optional: true}
  is_present: {type: boolean, optional: true}
  v: {type: number, columns: V1..V3, optional: true}
  place: {type: place, columns: [latitude, longitude], path: shop, optional: true}
entities:
  card: {key: card_id}
features:
  - {name: devices_30d, entity: card, aggregate: distinct, of: device_id, window: 30d}
  - {name: rate, transform: value, of: rate}
""")
