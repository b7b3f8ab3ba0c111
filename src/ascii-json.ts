/** JSON text in ASCII only: outside of its texts JSON has nothing else, and in them an escape stands for the character. */
export function asciiOnly(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
