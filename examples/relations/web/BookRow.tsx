import { useMutation } from "convex/react";
import type { FormEvent } from "react";
import { api } from "../_generated/api";
import type { Shelved } from "../_generated/dataModel";

const STARS = [1, 2, 3, 4, 5];

export function BookRow({ book }: { book: Shelved }) {
  const tag = useMutation(api.library.tag);
  const review = useMutation(api.library.review);
  const remove = useMutation(api.library.remove);

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("tag")).trim().toLowerCase();
    if (name !== "") void tag({ book: book.id, name });
    event.currentTarget.reset();
  }

  return (
    <li className="book">
      <div className="grow stack" style={{ gap: "6px" }}>
        <p>
          <strong className="title">{book.title}</strong>{" "}
          <span className="muted number">
            {book.author}, {book.year}
          </span>
        </p>
        <div className="row">
          {book.tags.map((name) => (
            <span key={name} className="tag">
              {name}
            </span>
          ))}
          <form onSubmit={submit}>
            <input
              name="tag"
              className="tag-field"
              maxLength={40}
              autoComplete="off"
              placeholder="+ tag"
              aria-label={`Tag ${book.title}`}
            />
          </form>
        </div>
        <div className="row small">
          <span className="stars" role="group" aria-label={`Stars for ${book.title}`}>
            {STARS.map((stars) => (
              <button
                key={stars}
                type="button"
                aria-label={stars === 1 ? "1 star" : `${stars} stars`}
                data-lit={stars <= Math.round(book.stars ?? 0)}
                onClick={() => void review({ book: book.id, stars })}
              >
                ★
              </button>
            ))}
          </span>
          <span className="muted number score">
            {book.stars === null ? "no reviews" : `${book.stars.toFixed(1)} of ${book.reviews}`}
          </span>
        </div>
      </div>
      <button
        type="button"
        className="quiet"
        aria-label={`Remove ${book.title}`}
        onClick={() => void remove({ book: book.id })}
      >
        Remove
      </button>
    </li>
  );
}
