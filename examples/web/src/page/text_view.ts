import { byId } from './elements.js';

const text = byId('text', HTMLParagraphElement);

/** Shows the prompt in front of an empty continuation. Screen readers wait for the end. */
export function startText(prompt: string): void {
  const given = document.createElement('span');
  given.className = 'prompt';
  given.textContent = prompt;
  const made = document.createElement('span');
  made.id = 'continuation';
  text.replaceChildren(given, made);
  text.setAttribute('aria-busy', 'true');
}

export function appendText(piece: string): void {
  text.lastElementChild?.append(piece);
}

export function endText(): void {
  text.setAttribute('aria-busy', 'false');
}
