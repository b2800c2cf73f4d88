/** A piece of a text: plain, or a link to the address that it shows. */
export interface TextPart {
  readonly text: string;
  readonly href?: string;
}

/** Web addresses only: nothing that runs, mails or opens another program. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"`]+/gi;
/** What ends a sentence, a bracket or a quotation around an address, rather than the address. */
const TAIL = /[.,;:!?'’)\]}…]+$/;

/** Cut a text into plain pieces and links; joined together they are the text again. */
export function partsOf(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const address = withoutTail(found);
    if (!isAddress(address)) continue;
    if (index > from) parts.push({ text: text.slice(from, index) });
    parts.push({ text: address, href: address });
    from = index + address.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from) });
  return parts;
}

function withoutTail(address: string): string {
  const tail = TAIL.exec(address)?.[0] ?? "";
  // A bracket that is opened inside an address belongs to it.
  const keep = tail.startsWith(")") && address.includes("(") ? 1 : 0;
  return address.slice(0, address.length - tail.length + keep);
}

function isAddress(text: string): boolean {
  return URL.canParse(text) && new URL(text).hostname !== "";
}
