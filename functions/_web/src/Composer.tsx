import { useEffect, useLayoutEffect, useRef } from "react";
import { PROMPT_LENGTH_MAX } from "./api.ts";
import { isAlt, useKey } from "./hooks.ts";
import { SendIcon, StopIcon } from "./icons.tsx";
import type { ModelChoice } from "./model.ts";
import { ModelMenu } from "./ModelMenu.tsx";

/** From here on the page counts. The server has the last word on what is too long. */
const COUNT_FROM = PROMPT_LENGTH_MAX * 0.9;

interface Props {
  draft: string;
  onChange: (text: string) => void;
  onSend: (text: string) => void;
  /** Stops the answer in the making; undefined while there is none. */
  onStop: (() => void) | undefined;
  model: ModelChoice;
}

export function Composer({ draft, onChange, onSend, onStop, model }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  const length = [...draft.trim()].length;

  useEffect(() => {
    // On a phone, focus would open the keyboard over a thread that one only wants to read.
    if (matchMedia("(hover: hover)").matches) field.current?.focus();
  }, []);
  useLayoutEffect(() => {
    if (!field.current) return;
    field.current.style.height = "auto";
    field.current.style.height = `${field.current.scrollHeight}px`;
  }, [draft]);

  useKey(isAlt("KeyM"), () => field.current?.focus());

  const submit = () => {
    if (length === 0) return;
    onSend(draft.trim());
    field.current?.focus();
  };

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div className="composer-box">
        <textarea
          ref={field}
          rows={1}
          value={draft}
          placeholder="Ask something"
          aria-label="Message"
          aria-describedby="composer-hint"
          aria-keyshortcuts="Alt+M"
          data-testid="composer"
          onChange={(event) => onChange(event.target.value)}
          onKeyDown={(event) => {
            // Enter also confirms a word that an input method is composing.
            if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            submit();
          }}
        />
        {onStop && (
          <button
            type="button"
            className="send stop"
            aria-label="Stop the answer"
            aria-keyshortcuts="Escape"
            title="Stop the answer (Escape)"
            data-testid="stop"
            onClick={onStop}
          >
            <StopIcon />
          </button>
        )}
        {(!onStop || length > 0) && (
          <button
            type="submit"
            className="send"
            aria-label="Send"
            disabled={length === 0}
            data-testid="send"
          >
            <SendIcon />
          </button>
        )}
      </div>
      <div className="composer-foot">
        <ModelMenu choice={model} />
        <span id="composer-hint">
          {onStop ? (
            <>
              <kbd>Esc</kbd> stops the answer
            </>
          ) : (
            <>
              <kbd>Enter</kbd> sends, <kbd>Shift</kbd> + <kbd>Enter</kbd> begins a new line
            </>
          )}
        </span>
        {length > COUNT_FROM && (
          <span className="count" data-over={length > PROMPT_LENGTH_MAX}>
            {length.toLocaleString()} / {PROMPT_LENGTH_MAX.toLocaleString()}
          </span>
        )}
      </div>
    </form>
  );
}
