import { generate } from "lean-qr";
import { qrPath } from "./qr-path.ts";

/** As wide as the standard asks for: without it cameras do not find the code. */
const QUIET_ZONE = 4;

/** A text as a QR code, drawn here: the secret in it goes to nobody else. */
export function QrCode({ text, label }: { readonly text: string; readonly label: string }) {
  const code = generate(text);
  const side = code.size + 2 * QUIET_ZONE;
  return (
    <svg class="qr-code" viewBox={`${-QUIET_ZONE} ${-QUIET_ZONE} ${side} ${side}`} role="img" aria-label={label} shape-rendering="crispEdges">
      <path d={qrPath(code.size, (x, y) => code.get(x, y))} />
    </svg>
  );
}
