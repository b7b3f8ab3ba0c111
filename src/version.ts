/** The version of this build; equal to package.json's (checked by test/tidy.test.ts), and known without reading a file. */
export const VERSION = '0.1.0';
