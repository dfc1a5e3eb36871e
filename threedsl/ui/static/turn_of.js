// Gives the event its inputs, of which there are `count`, and the number with which the event `name` was sent last.
(count, name, ...values) => [...values.slice(0, count), window.turns?.[name] ?? 0]
