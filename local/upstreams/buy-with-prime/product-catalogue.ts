import { ProductOptions } from './buy-with-prime-options.ts';
import { amountOf, writeAmount } from './exact-amount.ts';
import type { ProductIdentifierInput } from './graphql-inputs.ts';
import { invalid, notFound } from './refusals.ts';

const DAYS = { prime: 2, merchant: 5 };

/** A product as a quote or an order remembers it: plain data. */
export interface Product {
  readonly account: string;
  readonly productId: string;
  readonly sku: string;
  readonly amazonSku: string;
  readonly externalId: string | null;
  readonly title: string;
  readonly price: string;
  readonly prime: boolean;
  readonly offerPrime: boolean;
  readonly deliveredBy: 'AMAZON' | 'MERCHANT';
  readonly deliveryDays: number | null;
  readonly deliveryCharge: string;
  readonly taxPercent: string;
  readonly returnDays: number | null;
  readonly bundle: { readonly productId: string; readonly quantity: number } | null;
}

/** What each merchant sells with Buy with Prime. */
export class ProductCatalogue {
  /** By account and identifier. */
  readonly #products = new Map<string, Product>();

  /**
   * Adds a product, or gives it other properties.
   *
   * @throws Error where another product of the account has its SKU
   * @throws ZodError for options that cannot be right
   */
  set(options: ProductOptions): Product {
    const given = ProductOptions.parse(options);
    const { account, productId, sku, prime } = given;
    if (this.all(account).some((other) => other.sku === sku && other.productId !== productId)) {
      throw new Error(`Two products of "${account}" have the SKU "${sku}".`);
    }
    const product: Product = {
      ...given,
      amazonSku: given.amazonSku ?? sku,
      externalId: given.externalId ?? null,
      title: given.title ?? productId,
      offerPrime: given.offerPrime ?? prime,
      price: writeAmount(amountOf(given.price)),
      deliveryDays: given.deliveryDays === undefined ? DAYS[prime ? 'prime' : 'merchant'] : given.deliveryDays,
      bundle: given.bundle ?? null,
    };
    this.#products.set(keyOf(account, productId), product);
    return product;
  }

  find(account: string, productId: string): Product | undefined {
    return this.#products.get(keyOf(account, productId));
  }

  /** @throws Error where there is no such product, or the text is no amount */
  setPrice(account: string, productId: string, price: string): Product {
    const product = this.find(account, productId);
    if (!product) throw new Error(`"${account}" has no product "${productId}".`);
    const changed = { ...product, price: writeAmount(amountOf(price)) };
    this.#products.set(keyOf(account, productId), changed);
    return changed;
  }

  /** @param account left out, of all */
  all(account?: string): Product[] {
    return [...this.#products.values()].filter((product) => account === undefined || product.account === account);
  }

  /**
   * The product that an input names.
   *
   * @throws Refusal where there is none, or the input does not name exactly one
   */
  identify(account: string, { productId, sku }: ProductIdentifierInput): Product {
    if ((productId == null) === (sku == null)) throw invalid('A product is named by its productId or by its sku.');
    if (productId != null) {
      const product = this.find(account, productId);
      if (!product) throw notFound('At least one product ID in the request is invalid.');
      return product;
    }
    const product = this.all(account).find((candidate) => candidate.sku === sku);
    if (!product) throw invalid('The item does not exist in the Buy with Prime catalog.', 'ItemDoesNotExist');
    return product;
  }
}

function keyOf(account: string, productId: string): string {
  return `${account}\0${productId}`;
}
