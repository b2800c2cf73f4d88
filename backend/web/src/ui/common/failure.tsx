/** What went wrong, said at once to screen readers too. */
export function Failure({ text }: { readonly text: string | null }) {
  return text === null ? null : <p class="banner trouble" role="alert">{text}</p>;
}
