/** `worker.ts` as one classic script; the build makes it (`web/build/embed.ts`). */
declare module "virtual:embedded-worker" {
  const text: string;
  export default text;
}
