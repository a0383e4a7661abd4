/** The text with the words that were searched for marked, the last one as the beginning of words. */
export function Highlighted({ text, words }: { text: string; words: string }) {
  const sought = words.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const isSought = (word: string) =>
    sought.some((one, at) => one === word || (at === sought.length - 1 && word.startsWith(one)));
  return text
    .split(/([\p{L}\p{N}]+)/u)
    .map((part, at) => (isSought(part.toLowerCase()) ? <mark key={at}>{part}</mark> : part));
}
