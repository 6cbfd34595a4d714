// The large values, the same as in payload_values.py.

/** As many bytes, no two neighbours alike. */
export const bytes = size => Buffer.alloc(size, Buffer.from(Array.from({ length: 256 }, (_, i) => i)))

/** As a service of users would list them: 20 fields each. */
export const records = count =>
  Array.from({ length: count }, (_, i) => ({
    id: i,
    name: `name of number ${i}`,
    email: `user${i}@example.com`,
    active: i % 3 !== 0,
    score: i * 0.5,
    balance: -i * 1.25,
    age: 18 + (i % 60),
    city: `city ${i % 100}`,
    country: ['de', 'fr', 'it', 'pl'][i % 4],
    zip: `${10000 + i}`,
    created: '2026-01-02T03:04:05Z',
    manager: i % 7 ? i % 50 : null,
    latitude: 48.125 + i / 1024,
    longitude: 11.5 + i / 2048,
    visits: i * 1000,
    level: i % 10,
    note: 'some words that somebody has written here',
    phone: `+49 89 ${1000000 + i}`,
    premium: i % 2 === 0,
    rating: (i % 5) + 0.5,
  }))
