/** Values that must not leak, one or more of every kind, for tests. */

// In pieces, so that no scanner of repositories takes them for real ones.
export const SENSITIVE_VALUES: readonly string[] = [
  '4111 1111 1111 1111',
  '378282246310005',
  'DE89 3704 0044 0532 0130 00',
  'jo.o-neill+x@mail.example.co.uk',
  'jürgen@büro.example.de',
  '+44 20 7946 0958',
  '219-09-9998',
  '203.0.113.7',
  '2001:db8::8a2e:370:7334',
  'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4',
  'RSSMRA85T10A562S',
  '85.07.30-033 28',
  '15108695088',
  '756.9217.0769.85',
  'BOXW310820HNERXN09',
  ['AK', 'IAQ3EGR7VXK2MZP5TL'].join(''),
  ['gh', 'p_9fK2mQ7xLr4TzWb8VnYc3HsJd6Gp1AeUo5Ri'].join(''),
  ['eyJ', 'hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ'].join(''),
  ['-----BEGIN RSA PRIVATE ', 'KEY-----\nMIIEpAIBAAKCAQ\n-----END RSA PRIVATE ', 'KEY-----'].join(''),
  ['npm', '_', 'a8Kd03mZxQ72Lp5Vn4Tr91Wc6Yb0Hj3Sg8Fe'].join(''),
];
