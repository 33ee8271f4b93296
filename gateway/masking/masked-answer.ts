import type { JsonValue } from '#scim/json.ts';
import { closeJson } from './close-json.ts';
import { cutToBytes, type MaskedJson, type MaskOptions, maskedJson } from './masked-json.ts';

/**
 * Masks an answer, of whose text only the beginning need be there: JSON as `JSON.stringify` writes it. Reads it only when
 * it may have something to mask; most have not.
 */
export function maskedAnswer(text: string, options: MaskOptions): MaskedJson {
  const isLong = text.length > options.maxBytes;
  const json = isLong ? closeJson(text.slice(0, options.maxBytes)) : text;
  if (json === undefined || json === '') return { text: '', cut: isLong, names: [] };
  const masked = mayHoldSecret(json, options)
    ? maskedJson(JSON.parse(json) as JsonValue, options)
    : asItIs(json, options);
  return { ...masked, cut: masked.cut || isLong };
}

/** Whether any text or name in a JSON text can be one that is masked. */
function mayHoldSecret(json: string, { secrets, presented }: MaskOptions): boolean {
  const presentedText = JSON.stringify(presented).slice(1, -1);
  return secrets.mayName(json) || json.includes('rollcall_') || json.includes(presentedText);
}

function asItIs(json: string, { maxBytes }: MaskOptions): MaskedJson {
  const text = cutToBytes(json, maxBytes);
  return { text, cut: text.length < json.length, names: [] };
}
