/** Tells that something worked. */
export function Done({ text }: { readonly text: string | null }) {
  return <p class="done" role="status">{text}</p>;
}
