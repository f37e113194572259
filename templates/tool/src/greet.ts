/** The greeting as people read it. */
export function greet(greeting: string, name: string): string {
  return `${greeting}, ${name.trim()}!`;
}
