/** The name of the house. */
export function Brand() {
  return (
    <span class="brand">
      <img src="/favicon.svg" alt="" width="28" height="28" />
      VTP <span class="brand-tail">classroom</span>
    </span>
  );
}
