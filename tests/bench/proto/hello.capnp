@0xd2f8c1f5a0be6a11;

interface Hello {
  greet @0 (name :Text) -> (greeting :Text);
}
